//go:build muxguard

package muxpool

const bugsEndTests = true
