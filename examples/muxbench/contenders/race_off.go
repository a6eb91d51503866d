//go:build !race

package contenders

// raceEnabled: this program was built with the race detector.
const raceEnabled = false
