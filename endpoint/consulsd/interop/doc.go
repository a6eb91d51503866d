// Package interop has no code: its tests run consulsd against the real Consul v1.14.11, in processes of its own that are killed,
// frozen, cut off, emptied and started again. It is a module by itself so that nobody has Consul among his modules.
//
// Consul is a tool of this module, which the go command builds once and keeps: ten minutes of two processors. So
// the tests run by name only:
//
//	bash .ci/run consul
//
// Later versions of Consul carry another licence, and are not used.
package interop
