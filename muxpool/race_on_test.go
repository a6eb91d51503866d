//go:build race

package muxpool_test

const raceEnabled = true
