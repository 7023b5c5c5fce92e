package gateway

import (
	"maps"

	"github.com/millrace/millrace/pkg/identity"
)

// doors says of every route who may use it while identity is on. A route without a
// row here is closed to everybody then, and a test fails. A reading route's row holds
// for HEAD as well, unless HEAD has its own.
func doors() map[string]access {
	read, control := needs(identity.Read), needs(identity.Control)
	all := map[string]access{
		"GET /v1": known(),

		"POST /v1/jobs":                                         needs(identity.Submit).bringing(),
		"GET /v1/jobs":                                          read,
		"GET /v1/jobs/{id}":                                     read,
		"GET /v1/jobs/{id}/events":                              read,
		"GET /v1/jobs/{id}/explain":                             read,
		"GET /v1/jobs/{id}/rollback":                            read,
		"GET /v1/jobs/{id}/steps/{step}/checkpoints":            read,
		"GET /v1/jobs/{id}/steps/{step}/checkpoints/{position}": read,
		"POST /v1/jobs/{id}/cancel":                             control,
		"POST /v1/jobs/{id}/retry":                              control, // and decide, to settle an effect
		"POST /v1/jobs/{id}/pause":                              control,
		"POST /v1/jobs/{id}/resume":                             control,
		"POST /v1/jobs/{id}/skip":                               control,
		"POST /v1/jobs/{id}/abandon":                            control,
		"POST /v1/jobs/{id}/accept":                             needs(identity.Decide),
		"POST /v1/jobs/{id}/rollback":                           needs(identity.Rollback),
		"POST /v1/jobs/{id}/rerun":                              control.bringing(),

		"GET /v1/events": read,

		"GET /v1/decisions":       read,
		"GET /v1/decisions/{id}":  read,
		"POST /v1/decisions/{id}": needs(identity.Decide),

		"GET /v1/deadletters":               read,
		"GET /v1/deadletters/{id}":          read,
		"POST /v1/deadletters/{id}/redrive": control,
		"DELETE /v1/deadletters/{id}":       control,

		"POST /v1/operations":             control, // and rollback, for one
		"GET /v1/operations":              read,
		"GET /v1/operations/{id}":         read,
		"GET /v1/operations/{id}/items":   read,
		"POST /v1/operations/{id}/stop":   control,
		"POST /v1/operations/{id}/resume": control, // as to start it

		"POST /v1/artifacts": needs(identity.Submit).bringing(),
		// Whoever uploads may ask what it need not send.
		"HEAD /v1/artifacts/{digest}": needs(identity.Read, identity.Submit),
		"GET /v1/artifacts/{digest}":  read,
		"PUT /v1/artifacts/{digest}":  needs(identity.Submit).bringing(),

		// A browser asks before it says who it is for.
		"OPTIONS /v1/uploads/":     open(),
		"OPTIONS /v1/uploads/{id}": open(),
		"POST /v1/uploads/":        needs(identity.Submit).bringing(),
		"HEAD /v1/uploads/{id}":    needs(identity.Submit),
		"PATCH /v1/uploads/{id}":   needs(identity.Submit),
		"DELETE /v1/uploads/{id}":  needs(identity.Submit),

		// So may whoever submits ask what to submit to.
		"GET /v1/pipelines":                 needs(identity.Read, identity.Submit),
		"GET /v1/pipelines/{name}":          needs(identity.Read, identity.Submit),
		"PUT /v1/pipelines/{name}":          needs(identity.Admin),
		"GET /v1/pipelines/{name}/versions": read,
		"POST /v1/pipelines:check":          read,

		"GET /v1/stages":        read,
		"GET /v1/stages/{name}": read,
		"GET /v1/faults/{code}": known(),
	}
	maps.Copy(all, hookDoors())
	maps.Copy(all, millDoors())
	maps.Copy(all, viewDoors())
	return all
}

// hookDoors are the doors of webhooks. Where events go, and the secrets that they are
// signed with, is for those who set the tenant up.
func hookDoors() map[string]access {
	read, control, admin := needs(identity.Read), needs(identity.Control), needs(identity.Admin)
	return map[string]access{
		"POST /v1/webhooks":               admin,
		"GET /v1/webhooks":                read,
		"GET /v1/webhooks/{id}":           read,
		"PATCH /v1/webhooks/{id}":         admin,
		"DELETE /v1/webhooks/{id}":        admin,
		"POST /v1/webhooks/{id}/rotate":   admin,
		"POST /v1/webhooks/{id}/test":     control,
		"POST /v1/webhooks/{id}/replay":   control,
		"GET /v1/deliveries":              read,
		"GET /v1/deliveries/{id}":         read,
		"POST /v1/deliveries/{id}/replay": control,
	}
}

// millDoors are the doors of what belongs to no tenant, and those about who makes a
// request.
func millDoors() map[string]access {
	read, admin := needs(identity.Read), needs(identity.Admin)
	return map[string]access{
		// Rules and breakers are those of the mill; they name tenants and what the
		// work of all of them depends on. So is what waits.
		"GET /v1/rules":                read.ofMill(),
		"GET /v1/rules/{name}":         read.ofMill(),
		"PUT /v1/rules/{name}":         admin.ofMill(),
		"DELETE /v1/rules/{name}":      admin.ofMill(),
		"GET /v1/rules/{name}/history": read.ofMill(),
		"GET /v1/breakers":             read.ofMill(),
		"GET /v1/consumers":            read.ofMill(),
		"GET /metrics":                 read.ofMill(),

		"GET /v1/whoami":       known(),
		"POST /v1/keys":        admin,
		"GET /v1/keys":         admin,
		"DELETE /v1/keys/{id}": admin,
		"GET /v1/audit":        admin,

		// The page is open; what it shows is not.
		"GET /":              open(),
		"GET /assets/{file}": open(),

		"GET /livez":   open(),
		"GET /readyz":  open(),
		"GET /version": open(),

		"GET /openapi.json": open(),
		"GET /openapi.yaml": open(),
	}
}
