package breaker

import "context"

// Outcome is what a call says about its node.
type Outcome uint8

const (
	// Success: the node did what it was asked.
	Success Outcome = iota
	// Failure: the node did not.
	Failure
	// Neutral: nothing was learned about the node.
	Neutral
)

// Classifier judges a call by its context, answer and error. It runs on the
// call path, possibly many times at once, and must not block.
type Classifier func(ctx context.Context, response any, err error) Outcome
