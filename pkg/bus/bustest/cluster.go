package bustest

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/deploy/freeport"
)

// Cluster starts n brokers that form a cluster with JetStream, on loopback, and
// waits until they can be used. They are shut down when the test ends.
func Cluster(t testing.TB, n int) []*server.Server {
	t.Helper()
	routes, ports := clusterRoutes(t, n)
	all := make([]*server.Server, n)
	for i := range all {
		all[i] = Server(t, ServerOptions{Listen: true, Config: func(o *server.Options) {
			o.ServerName = fmt.Sprintf("bustest-%d", i)
			o.Cluster = server.ClusterOpts{Name: "bustest", Host: "127.0.0.1", Port: ports[i]}
			o.Routes = routes
		}})
	}
	limit := time.Now().Add(30 * time.Second)
	for !ready(all) {
		if time.Now().After(limit) {
			t.Fatal("the cluster was not ready within 30 s")
		}
		<-time.After(10 * time.Millisecond)
	}
	return all
}

// ready reports whether there is a leader that knows all members.
func ready(all []*server.Server) bool {
	for _, s := range all {
		if s.JetStreamIsLeader() {
			return len(s.JetStreamClusterPeers()) == len(all)
		}
	}
	return false
}

// clusterRoutes picks a free port for each member.
func clusterRoutes(t testing.TB, n int) (routes []*url.URL, ports []int) {
	t.Helper()
	for range n {
		port, err := freeport.Take()
		if err != nil {
			t.Fatalf("find a free port: %v", err)
		}
		ports = append(ports, port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))})
	}
	return routes, ports
}
