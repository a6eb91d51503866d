package transport

import "testing"

// TestBulkIsChosen: by the request, by the answers of late, or as ClientBulk says.
func TestBulkIsChosen(t *testing.T) {
	const small, large = 128, 1 << 20
	answers := func(n, size int) (sizes []int) {
		for range n {
			sizes = append(sizes, size)
		}
		return sizes
	}
	for _, row := range []struct {
		name    string
		option  ClientOption
		answers []int
		body    int
		want    bool
	}{
		{"nothing is known", nil, nil, small, false},
		{"a large request", nil, nil, bulkSize, true},
		{"almost", nil, nil, bulkSize - 1, false},
		{"a large answer", nil, answers(1, large), small, true},
		{"a large answer of which an eighth is the limit", nil, answers(1, 8*bulkSize), small, true},
		{"almost, again", nil, answers(1, 8*bulkSize-8), small, false},
		{"answers just over the limit, the first", nil, answers(1, bulkSize+100), small, false},
		{"answers just over the limit, for a while", nil, answers(100, bulkSize+100), small, true},
		{"answers just below it, for ever", nil, answers(10000, bulkSize-1), small, false},
		{"one large answer, then small ones", nil, append(answers(1, large), answers(20, small)...), small, false},
		{"large answers, then one small one", nil, append(answers(100, large), small), small, true},
		{"large answers, then small ones for ever", nil, append(answers(100, 16<<20), answers(1000, small)...), small, false},
		{"every tenth is large: a tenth of a megabyte on average", nil, append(append(answers(50, large), answers(9, small)...), large), small, true},
		{"never", ClientBulk(false), answers(100, large), large, false},
		{"always", ClientBulk(true), answers(100, small), small, true},
		{"always, then never: the last word counts", func(c *Client) { ClientBulk(true)(c); ClientBulk(false)(c) }, nil, large, false},
	} {
		c := NewClient(nil, Node{}, nil, "", nil, nil, func(c *Client) {
			if row.option != nil {
				row.option(c)
			}
		})
		for _, size := range row.answers {
			c.bulk.answered(size)
		}
		if got := c.bulk.of(row.body); got != row.want {
			t.Errorf("%s: %v, with a mean of %d", row.name, got, c.bulk.answers.Load())
		}
	}
}

// TestSmallAnswersLeaveNoTrace: where answers are small, nothing is written that all callers
// of a method share.
func TestSmallAnswersLeaveNoTrace(t *testing.T) {
	var b bulk
	for range 1000 {
		if b.answered(smallAnswer - 1); b.answers.Load() != 0 {
			t.Fatalf("the mean is %d", b.answers.Load())
		}
	}
	for b.answered(1 << 20); b.answers.Load() != 0; b.answered(128) {
	}
}

// TestWhatCountsAsASmallAnswer: one of 8 KiB is none, and begins a mean; one of a byte less counts
// for nothing, also where a mean has begun.
func TestWhatCountsAsASmallAnswer(t *testing.T) {
	var b bulk
	if b.answered(smallAnswer); b.answers.Load() != smallMean {
		t.Errorf("after one of %d bytes the mean is %d, want %d", smallAnswer, b.answers.Load(), smallMean)
	}
	b.answered(1 << 20)
	for range 100 {
		b.answered(smallAnswer - 1)
	}
	if b.answers.Load() != 0 {
		t.Errorf("after many of a byte less the mean is %d, want none", b.answers.Load())
	}
}
