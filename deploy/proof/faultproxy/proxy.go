// Package faultproxy makes trouble between a program and what it depends on: a TCP
// proxy that delays, swallows, resets and cuts short what goes through it, and that
// heals again. It drives toxiproxy, without its HTTP interface.
package faultproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/millrace/millrace/deploy/freeport"
)

// Proxy stands before one address. It is safe for concurrent use.
type Proxy struct {
	proxy *toxiproxy.Proxy

	mu    sync.Mutex
	ill   []string // the toxics that are in
	gone  bool     // Down is in
	ended bool
}

// New starts a proxy on a free port of this machine before the address to, as
// host:port. Nobody needs to listen there yet. Whoever starts it closes it.
func New(to string) (*Proxy, error) {
	at, err := freeport.Address() // it is left and taken again by Down and Heal
	if err != nil {
		return nil, err
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &Proxy{proxy: toxiproxy.NewProxy(server, to, at, to)}
	return p, p.proxy.Start()
}

// Addr is where the proxy listens, as host:port. It stays the same.
func (p *Proxy) Addr() string { return p.proxy.Listen }

// Inject makes trouble, on the connections that there are and on new ones, until
// Heal. What is in already stays; the same kind may not be in twice.
func (p *Proxy) Inject(f Fault) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return errors.New("the proxy is closed")
	}
	if f.Kind == Down {
		p.proxy.Stop()
		p.gone = true
		return nil
	}
	for _, t := range f.toxics() {
		text, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if _, err := p.proxy.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		p.ill = append(p.ill, t.Name)
	}
	return nil
}

// Heal ends all trouble. Connections whose bytes were swallowed or held back in the
// middle are closed; nothing of them arrives later.
func (p *Proxy) Heal() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, name := range p.ill {
		errs = append(errs, p.proxy.Toxics.RemoveToxic(context.Background(), name))
	}
	p.ill = nil
	if p.gone && !p.ended {
		p.gone = false
		errs = append(errs, p.proxy.Start())
	}
	return errors.Join(errs...)
}

// Close ends the proxy and its connections. It may be called twice.
func (p *Proxy) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.ended = true
		p.proxy.Stop()
	}
}
