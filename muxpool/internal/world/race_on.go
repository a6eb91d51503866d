//go:build race

package world

// Race reports whether the race detector is on.
const Race = true
