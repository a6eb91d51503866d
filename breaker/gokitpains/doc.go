// Package gokitpains holds tests only: what hurts with go-kit's own circuit
// breaker, shown to fail with it and to pass with a breaker.Group, each in one
// test. It is a module of its own because go-kit's circuitbreaker package
// requires modules that muxkit does not want.
package gokitpains
