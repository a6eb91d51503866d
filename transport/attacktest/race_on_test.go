//go:build race

package attacktest

const raceEnabled = true
