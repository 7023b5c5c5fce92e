package encrypt

import (
	"fmt"
	"sync"

	"filippo.io/age"

	"github.com/millrace/millrace/pkg/seal"
	"github.com/millrace/millrace/pkg/stage"
)

// NewRemembering returns a stage that makes one header for all files with the same
// name, media type, size and recipients. So it gives the same bytes in every job,
// as the kit wants it; all else is as it is. It is for content that is the same
// when its name is: two contents under one key would give both away.
func NewRemembering(o Options) stage.Stage {
	e := New(o).(*encrypter)
	var mu sync.Mutex
	made := map[string]*seal.Header{}
	e.header = func(m seal.Meta, to ...age.Recipient) (*seal.Header, error) {
		mu.Lock()
		defer mu.Unlock()
		key := fmt.Sprint(m, to)
		if h := made[key]; h != nil {
			return h, nil
		}
		h, err := seal.New(m, to...)
		if err == nil {
			made[key] = h
		}
		return h, err
	}
	return e
}

// Keys makes s remember the payloads of the headers that it makes.
func Keys(s stage.Stage) func() []seal.Payload {
	e := s.(*encrypter)
	var mu sync.Mutex
	var keys []seal.Payload
	next := e.header
	e.header = func(m seal.Meta, to ...age.Recipient) (*seal.Header, error) {
		h, err := next(m, to...)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			keys = append(keys, h.Payload())
		}
		return h, err
	}
	return func() []seal.Payload {
		mu.Lock()
		defer mu.Unlock()
		return keys
	}
}

// Version is that of the state under a secret.
func Version(s Secret) int { return s.version() }

// Place is the state.
type Place = place
