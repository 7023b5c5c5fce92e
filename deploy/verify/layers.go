package verify

import "strings"

// layer is a group of packages. A package imports only what stands in the layers
// below its own, and its peers where the layer says so.
type layer struct {
	name     string
	packages []string
	peers    bool
}

// layers stand from the bottom to the top. Every package is in exactly one; where
// two patterns fit, the longer one counts.
var layers = []layer{
	{name: "kits: ports", packages: []string{"deploy/freeport"}},
	{name: "words", packages: []string{"pkg/fault", "events"}},
	{name: "words that use words", packages: []string{"schemas", "pkg/api"}},
	{name: "core: the machine", packages: []string{"pkg/flow"}},
	{name: "core: pipeline files", packages: []string{"pkg/pipeline"}},
	{name: "core: rules", packages: []string{"pkg/policy"}},
	{name: "guard", packages: []string{"pkg/netguard"}},
	{name: "telemetry", packages: []string{"pkg/telemetry", "pkg/tracing"}},
	{name: "core: who may do what at the broker", packages: []string{"pkg/brokeruser"}},
	{name: "seams: drivers' side", packages: []string{"pkg/artifact/driver"}},
	{name: "seams", packages: []string{"pkg/artifact"}},
	{name: "seams: drivers", packages: []string{"pkg/artifact/*"}},
	{name: "seams: checkpoints", packages: []string{"pkg/checkpoint"}},
	{name: "seams: sealed files", packages: []string{"pkg/seal"}},
	{name: "contract", packages: []string{"pkg/stage"}},
	{name: "contract: what stages share", packages: []string{"pkg/stage/outputs"}},
	{name: "contract: kit", packages: []string{"pkg/stage/stagetest"}},
	{name: "core: webhooks", packages: []string{"pkg/webhook"}},
	{name: "pressure", packages: []string{"pkg/pressure"}},
	{name: "breaker", packages: []string{"pkg/breaker"}},
	{name: "stages", packages: []string{"services/stages/*"}},
	{name: "edges", packages: []string{"pkg/bus", "pkg/registry", "pkg/client", "pkg/jobview"}},
	{name: "edges: what lives in a bucket", packages: []string{"pkg/rulebook", "pkg/identity"}},
	{name: "edges: who vouches", packages: []string{"pkg/identity/*"}},
	{name: "edges: uploads", packages: []string{"pkg/upload"}},
	{name: "edges: dead letters", packages: []string{"pkg/deadletter"}},
	{name: "edges: the audit", packages: []string{"pkg/audit"}},
	{name: "edges: endpoints of webhooks", packages: []string{"pkg/endpoints"}},
	{name: "edges: reruns", packages: []string{"pkg/rerun"}},
	{name: "edges: kits", packages: []string{"pkg/bus/*", "pkg/client/*"}},
	{name: "edges: the document of the API", packages: []string{"pkg/openapi"}},
	{name: "services", packages: []string{"services/conductor", "services/stagehost", "services/gateway", "services/projector", "services/operator", "services/notifier"}},
	{name: "services: kits", packages: []string{"services/gateway/gatewaytest"}},
	{name: "mill: proof", packages: []string{"services/mill/sweep", "services/mill/partition"}},
	{name: "mill", packages: []string{"services/mill"}},
	{name: "program", packages: []string{"services/millrace", "services/millrace/*"}, peers: true},
	{name: "tools", packages: []string{"schemas/gen", "schemas/gen/*", "deploy/*"}, peers: true},
}

// Layers reports imports that do not lead downwards, and packages that have no
// layer. Tests may import what they like.
func Layers(t *Tree) []string {
	var list []string
	for _, dir := range t.packages() {
		if rank(dir) < 0 {
			list = append(list, dir+": the package has no layer; give it one in deploy/verify/layers.go")
		}
	}
	for _, f := range t.Files {
		from := rank(f.Dir)
		if f.Test || from < 0 {
			continue
		}
		for _, i := range f.Imports {
			dir, ours := strings.CutPrefix(i.Path, Module+"/")
			if !ours {
				continue
			}
			to := rank(dir)
			if to < 0 || to < from || to == from && layers[from].peers {
				continue
			}
			list = append(list, f.at(i.Line, "imports %s: %q does not lie below %q", dir, layers[to].name, layers[from].name))
		}
	}
	return list
}

// rank is the index of the layer of a package, or -1.
func rank(dir string) int {
	best, length := -1, 0
	for i, l := range layers {
		for _, p := range l.packages {
			if within(dir, p) && len(p) > length {
				best, length = i, len(p)
			}
		}
	}
	return best
}
