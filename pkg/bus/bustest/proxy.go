package bustest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Proxy is a line to a broker that can be cut, muted and deafened.
type Proxy struct {
	target string
	ln     net.Listener
	wg     sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	down   bool
	muted  bool
	deaf   bool
	closed bool
}

// NewProxy opens a line to s, which must listen. It ends with the test.
func NewProxy(t testing.TB, s *server.Server) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("open proxy: %v", err)
	}
	p := &Proxy{target: s.Addr().String(), ln: ln, conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// URL is the address to connect to instead of the broker's.
func (p *Proxy) URL() string { return "nats://" + p.ln.Addr().String() }

// Cut ends all connections; new ones are refused until Mend.
func (p *Proxy) Cut() {
	p.mu.Lock()
	p.down = true
	p.mu.Unlock()
	p.drop()
}

// Mute lets through what the client sends and swallows what the broker answers,
// for the connections that are open.
func (p *Proxy) Mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = true
}

// Deafen lets through what the broker sends and swallows what the client asks, for the
// connections that are open.
func (p *Proxy) Deafen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = true
}

// Mend lets everything through again. What was swallowed stays lost, so muted and
// deafened connections are ended.
func (p *Proxy) Mend() {
	p.mu.Lock()
	torn := p.muted || p.deaf
	p.down, p.muted, p.deaf = false, false, false
	p.mu.Unlock()
	if torn {
		p.drop()
	}
}

func (p *Proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.ln.Close()
	p.drop()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", p.target)
		if err != nil || !p.admit(client, broker) {
			_ = client.Close()
			if broker != nil {
				_ = broker.Close()
			}
			continue
		}
		p.wg.Go(func() { p.carry(broker, client, false) })
		p.wg.Go(func() { p.carry(client, broker, true) })
	}
}

func (p *Proxy) admit(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down || p.closed {
		return false
	}
	for _, c := range conns {
		p.conns[c] = true
	}
	return true
}

// carry copies from one side to the other until either ends.
func (p *Proxy) carry(to, from net.Conn, answers bool) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, from)
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		swallow := answers && p.muted || !answers && p.deaf
		p.mu.Unlock()
		if swallow {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil && err != io.EOF {
			return
		}
	}
}
