// Package identity says who makes a request and what they may do.
//
// A [Principal] is somebody who has proved who they are: the holder of an API key, a
// person or a program that an OpenID Connect issuer vouches for, or whoever sits at
// the machine that millrace dev runs on. It has scopes, and it belongs to one tenant
// or to the whole mill.
//
// API keys are in a key-value bucket, by their ids and with the SHA-256 of the whole
// key: 256 random bits need no slow hash. Every gateway holds all of them in memory
// and follows the bucket, so that to tell who asks takes no round trip:
//
//	trouble                          | what a gateway does
//	---------------------------------|---------------------------------------------
//	the broker is away               | it goes on with the keys it knew last
//	it was away at the start         | every key is auth.unavailable until it is back
//	a key is revoked elsewhere       | it is out within a moment, on open streams too
//	killed while a key was made      | the bucket has the key or not; nobody has seen it
//	killed while the first was made  | the file is written again at the next start
//	an entry cannot be read          | it is logged, and no key
//
// Who loses every key of the whole mill deletes key.first from the bucket
// millrace_credentials with a tool of the broker: the next start makes another.
package identity
