package admin

import (
	"fmt"
	"math"
	"strings"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// minute is muxendpoint.Minute.
type minute struct {
	Seconds  float64 `json:"seconds"` // of which time it is
	Rate     float64 `json:"rate"`    // a second
	Failed   uint64  `json:"failed"`  // of Outcomes those that were not sent, refused or failed
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Outcomes []count `json:"outcomes"`
}

func newMinute(m *muxendpoint.Minute) *minute {
	if m == nil {
		return nil
	}
	ms := func(d time.Duration) float64 { return rounded(float64(d) / float64(time.Millisecond)) }
	shown := &minute{Seconds: rounded(m.Over.Seconds()), Rate: rounded(m.Rate()), P50: ms(m.P50), P99: ms(m.P99), Outcomes: []count{}}
	for _, how := range []string{"ok", "business", "canceled", "caller", "not sent", "refused", "failed"} { // see muxendpoint.Metrics
		n := m.Outcomes[how]
		if n == 0 {
			continue
		}
		shown.Outcomes = append(shown.Outcomes, count{how, n})
		switch how {
		case "not sent", "refused", "failed":
			shown.Failed += n
		}
	}
	return shown
}

// rounded cuts a figure to what is known of it.
func rounded(f float64) float64 { return math.Round(f*1000) / 1000 }

// String tells it in a line.
func (m *minute) String() string {
	if m == nil {
		return ""
	}
	if len(m.Outcomes) == 0 {
		return "none"
	}
	s := fmt.Sprintf("%s/s", figures(m.Rate))
	if m.P99 > 0 {
		s += fmt.Sprintf(", p50 %s, p99 %s", millis(m.P50), millis(m.P99))
	}
	if m.Failed > 0 {
		var how []count
		for _, c := range m.Outcomes {
			if c.What == "not sent" || c.What == "refused" || c.What == "failed" {
				how = append(how, c)
			}
		}
		s += "; " + counts(how)
	}
	return s
}

// figures writes a number with three of them.
func figures(f float64) string {
	if f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.3g", f), ".")
}

func millis(ms float64) string {
	switch {
	case ms >= 1000:
		return figures(ms/1000) + " s"
	case ms >= 1:
		return figures(ms) + " ms"
	}
	return figures(ms*1000) + " µs"
}
