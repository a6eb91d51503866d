package verdict

import "errors"

// Tell returns err with a verdict of its own: the extension point for errors of
// packages that do not know this one. errors.Is and errors.As see through it. Tell
// of nil is nil.
func Tell(err error, v Verdict) error {
	if err == nil {
		return nil
	}
	return &told{err, v}
}

type told struct {
	error
	verdict Verdict
}

func (t *told) Verdict() Verdict { return t.verdict }
func (t *told) Unwrap() error    { return t.error }

// Rule says what an error of another package means, or false if it does not know.
// It must be pure, and safe for concurrent use.
type Rule func(error) (Verdict, bool)

// Is is the Rule for errors that match target, by errors.Is: they mean what an
// answer with the code means.
func Is(target error, c Code) Rule {
	return func(err error) (Verdict, bool) { return ByCode(c), errors.Is(err, target) }
}

// Apply has the first rule that knows err tell what it means, unless err, or an
// error in its chain, says so itself.
func Apply(err error, rules ...Rule) error {
	var t Teller
	if err == nil || errors.As(err, &t) {
		return err
	}
	for _, r := range rules {
		if v, ok := r(err); ok {
			return Tell(err, v)
		}
	}
	return err
}
