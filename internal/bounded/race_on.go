//go:build race

package bounded

const slower = 4
