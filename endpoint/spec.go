package endpoint

// Spec says what a method is. It is declared once, with the method:
//
//	get := set.Endpoint("Get", client, muxendpoint.WithSpec(muxendpoint.Spec{Idempotent: true}))
type Spec struct {
	// Idempotent: a request does no harm when a peer gets it twice, so that it may be
	// repeated although it may have been run. WithIdempotent tells requests apart.
	Idempotent bool
	// Kind is what its calls look like. Default Unary.
	Kind Kind
}

// Kind is what the calls of a method look like.
type Kind uint8

const (
	// Unary: one request, one answer.
	Unary Kind = iota
	// OneWay: one request and no answer. Breakers learn nothing from such calls, and let
	// none be a probe. A Client that is made with transport.ClientOneWay is one, whatever
	// the Spec says.
	OneWay
)

// WithSpec declares a method, for (*Set).Endpoint and EndpointFrom; given to NewSet, it
// is the Spec of methods that have none of their own. It takes the place of WithIdempotent:
// the last one of the two counts.
func WithSpec(s Spec) Option {
	return func(c *config) {
		if s.Kind > OneWay {
			c.reject("WithSpec: Kind %d is unknown", s.Kind)
			return
		}
		c.kind, c.retry.idempotent = s.Kind, nil
		if s.Idempotent {
			c.retry.idempotent = Always
		}
	}
}
