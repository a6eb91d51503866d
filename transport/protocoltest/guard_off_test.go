//go:build !muxguard

package protocoltest_test

const guarded = false
