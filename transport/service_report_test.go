package transport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"
)

// TestReportsWaitForTheirHandler: while it is at one, so many wait; it is told how many did not, once.
func TestReportsWaitForTheirHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var texts []string
		r := reports{handler: kittransport.ErrorHandlerFunc(func(_ context.Context, err error) {
			texts = append(texts, err.Error())
			<-release
		})}
		hears := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(texts, want) {
				t.Errorf("%s: told are %q, want %q", when, texts, want)
			}
			texts = nil
		}
		report := func(text string) { r.report(context.Background(), errors.New(text)) }
		var all []string
		for i := range 100 {
			all = append(all, fmt.Sprint(i))
			report(all[i])
			time.Sleep(time.Second) // there may be ten in each
		}
		close(release)
		hears("the one, and those that waited", all[:1+maxReports]...)
		report("next")
		report("and then")
		hears("then", fmt.Sprintf("next (and %d more that were not reported)", 100-1-maxReports), "and then")
		time.Sleep(time.Second)
		for i := range reportsPerSecond + 1 {
			report(all[i])
		}
		hears("within a second", all[:reportsPerSecond]...)
		time.Sleep(time.Second)
		report("later")
		hears("later", "later (and 1 more that were not reported)")
	})
}
