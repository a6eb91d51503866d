//go:build !race

package muxpool

const raceDetector = false
