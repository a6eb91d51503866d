package verdict_test

import (
	"errors"
	"fmt"

	"github.com/go-kit/kit/ratelimit"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

func ExampleOf() {
	v := verdict.Of(fmt.Errorf("stock: %w", ratelimit.ErrLimited))
	fmt.Println(v)
	fmt.Println("counts against the node:", v.CountsAgainst() == verdict.Node)
	fmt.Println("may be tried elsewhere:", v.Elsewhere(false))
	// Output:
	// resource exhausted: overload, not sent
	// counts against the node: false
	// may be tried elsewhere: true
}

func ExampleTell() {
	errNoToken := errors.New("no token")
	err := verdict.Tell(errNoToken, verdict.ByCode(verdict.CodeUnauthenticated))
	fmt.Println(err, "-", verdict.Of(err))
	fmt.Println(errors.Is(err, errNoToken))
	// Output:
	// no token - unauthenticated: caller, maybe ran
	// true
}
