// Package identity says who makes a request and what they may do.
//
// A [Principal] is somebody who has proved who they are: the holder of an API key, a
// person or a program that an OpenID Connect issuer vouches for, or whoever sits at
// the machine that millrace dev runs on. It has scopes, and it belongs to one tenant
// or to the whole mill.
package identity
