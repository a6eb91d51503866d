//go:build !muxguard

package muxpool

const bugsEndTests = false
