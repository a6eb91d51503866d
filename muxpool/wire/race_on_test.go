//go:build race

package wire

// Under the race detector, sync.Pool drops what it is given at random.
const raceDetector = true
