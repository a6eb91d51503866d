package transport

import "sync/atomic"

// bulkSize is from how many bytes on a message is one that others should not queue behind:
// decision 0350 has the figures.
const bulkSize = 64 << 10

// ClientBulk says whether the calls travel on the node's bulk connection, apart from others
// (see muxpool.GetOptions.WithBulk). By default those do whose request has 64 KiB or more, and
// all whose method has been answering with as much, on average, of late.
func ClientBulk(bulk bool) ClientOption {
	return func(c *Client) {
		c.bulk.decided = true
		c.bulk.answers.Store(0)
		if bulk {
			c.bulk.answers.Store(bulkSize)
		}
	}
}

// bulk is how a Client decides that. What an answer will have nobody knows before, so that
// the method's last ones are taken for it.
type bulk struct {
	decided bool // by ClientBulk: answers says it, and does not change

	// answers is the mean size of the last answers, of which the last counts an eighth. It is
	// 0, and stays so without being written, while they are small. That two calls that end at
	// once may count as one does no harm.
	answers atomic.Int64
}

// Answers below smallAnswer count as none, and a mean of them as 0.
const (
	smallAnswer = 8 << 10
	smallMean   = smallAnswer / 8
)

// of reports whether a call with a body of so many bytes is one.
func (b *bulk) of(body int) bool {
	return body >= bulkSize && !b.decided || b.answers.Load() >= bulkSize
}

// answered takes note of an answer's size.
func (b *bulk) answered(size int) {
	mean := b.answers.Load()
	if size < smallAnswer {
		if size = 0; mean == 0 {
			return
		}
	}
	if b.decided {
		return
	}
	if mean += (int64(size) - mean) / 8; mean < smallMean {
		mean = 0
	}
	b.answers.Store(mean)
}
