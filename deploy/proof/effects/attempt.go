package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/stages/httpcall"
)

// attempt is one attempt at an effect.
type attempt struct {
	Plan    plan
	Service string
	Number  int
	Worker  string
	Settle  events.Settlement
}

// outcome is what an attempt says.
type outcome struct {
	// Died: nothing, because it was killed.
	Died bool
	// Status is that of the answer, when the step succeeded.
	Status string
	// Code is that of the fault, when it did not.
	Code       fault.Code
	Message    string
	RetryAfter time.Duration
}

func (o outcome) done() bool    { return !o.Died && o.Code == "" }
func (o outcome) unknown() bool { return o.Code == fault.EffectUnknown }

// key names the step of a plan.
func (p plan) key() checkpoint.Key {
	return checkpoint.Key{Tenant: events.DefaultTenant, Job: p.Job, Step: "call"}
}

// id is the idempotency key of the effect.
func (p plan) id() string {
	k := p.key()
	return events.EffectID(k.Tenant, k.Job, k.Step, "call")
}

// newStage returns the stage, with breakers that never open: the service is well,
// only its callers are not.
func newStage() stage.Stage {
	return httpcall.New(httpcall.Options{
		AllowPrivateNetworks: true, Breakers: breaker.New(breaker.Options{Timeout: -1, Failures: 1 << 30}),
	})
}

// chain is that of the attempt.
func (a attempt) chain(l checkpoint.Log) *checkpoint.Chain {
	return checkpoint.New(checkpoint.Options{
		Log: l, Key: a.Plan.key(), Stage: "http-call@1", Worker: a.Worker, Attempt: a.Number, Settle: a.Settle,
	})
}

// run makes the attempt. A goroutine that is killed by its log says that it died.
func (a attempt) run(ctx context.Context, s stage.Stage, l checkpoint.Log) (out outcome) {
	defer func() {
		switch p := recover(); p.(type) {
		case nil:
		case killed:
			out = outcome{Died: true}
		default:
			panic(p)
		}
	}()
	k := a.Plan.key()
	c := a.chain(l)
	defer c.Close()
	res, err := s.Run(ctx, &stage.Task{
		Job: k.Job, Tenant: k.Tenant, Pipeline: "proof", Step: k.Step, Attempt: a.Number,
		RawConfig: json.RawMessage(a.Plan.config(a.Service, a.Worker)), Checkpoints: c,
	})
	var f *fault.Error
	switch {
	case err == nil:
		return outcome{Status: res.Findings["status"]}
	case errors.As(err, &f):
		return outcome{Code: f.Code, Message: f.Message(), RetryAfter: f.RetryAfter}
	}
	return outcome{Code: fault.StageUnclassified, Message: fmt.Sprint(err)}
}
