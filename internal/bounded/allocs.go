package bounded

import "testing"

// Allocs returns how often f allocates on average, as [testing.AllocsPerRun] does, by the least of
// ten measurements: whatever else the process does on a busy machine, such as the garbage
// collector, which empties pools, or a goroutine that was late, adds to them.
func Allocs(runs int, f func()) float64 {
	least := testing.AllocsPerRun(runs, f)
	for n := 1; n < 10 && least > 0; n++ {
		least = min(least, testing.AllocsPerRun(runs, f))
	}
	return least
}
