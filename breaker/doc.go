// Package breaker keeps a circuit breaker per node.
package breaker
