package world

import (
	"sync"
	"testing"

	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// checkLeaks asserts I3 and I4 when t ends, unless AtOnce does it around it.
func (s Setup) checkLeaks(t *testing.T) {
	t.Helper()
	if !s.Beside {
		muxtest.CheckLeaks(t)
	}
}

// AtOnce runs subtests side by side, which spend their time waiting, and asserts I3
// and I4 when the last has ended. Their setups say Beside.
func AtOnce(t *testing.T, rows map[string]func(*testing.T)) {
	t.Helper()
	muxtest.CheckLeaks(t)
	var wg sync.WaitGroup
	for name, row := range rows {
		wg.Go(func() { t.Run(name, row) })
	}
	wg.Wait()
}
