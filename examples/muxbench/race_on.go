//go:build race

package main

// raceEnabled: this program was built with the race detector.
const raceEnabled = true
