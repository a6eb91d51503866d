//go:build race

package muxpool

// The race detector keeps memory of its own for as many goroutines as have lived at once, and
// a multiple of the largest heap, for good: 20 rounds of the full numbers took 10 GB.
const raceDetector = true
