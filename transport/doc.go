// Package transport is a Go kit transport over any protocol whose frames carry a
// correlation id.
package transport
