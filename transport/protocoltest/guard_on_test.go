//go:build muxguard

package protocoltest_test

const guarded = true // see muxpool/wire: memory that is given back is poisoned
