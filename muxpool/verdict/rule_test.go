package verdict

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestRulesTellOnlyWhatErrorsDoNot(t *testing.T) {
	errExpired := errors.New("expired")
	rule := Is(errExpired, CodeUnauthenticated)
	err := Apply(fmt.Errorf("jwt: %w", errExpired), Is(io.EOF, CodeInternal), rule)
	if v := Of(err); v != ByCode(CodeUnauthenticated) || !errors.Is(err, errExpired) || err.Error() != "jwt: expired" {
		t.Errorf("%v: %v", err, v)
	}
	own := Tell(errExpired, ByCode(CodeAborted))
	if got := Apply(own, rule); got != own {
		t.Errorf("an error that speaks for itself became %v", Of(got))
	}
	if Apply(nil, rule) != nil || Tell(nil, Verdict{}) != nil || Apply(io.EOF, rule) != io.EOF {
		t.Error("what no rule knows is changed")
	}
}
