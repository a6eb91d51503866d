package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

// inquiry asks a node what it serves.
type inquiry struct {
	target
	streams
}

func (q *inquiry) flags(fs *flag.FlagSet) {
	q.target.flags(fs)
	q.sends(fs)
}

// maxPages bounds how many pages of a description are read: some 32 MiB.
const maxPages = 1000

// ask reads the command line of list or describe, and has f do the rest.
func (q *inquiry) ask(ctx context.Context, args []string, want string, f func(ctx context.Context, about string) error) (int, error) {
	fs := newFlags(q)
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if err := operands(fs.Args(), 1, 2, want); err != nil {
		return 0, err
	}
	if err := q.resolve(fs.Arg(0)); err != nil {
		return 0, err
	}
	if err := q.canAsk(); err != nil {
		return 0, err
	}
	q.warn(q.streams)
	err := f(ctx, fs.Arg(1))
	var no *missing
	switch {
	case errors.As(err, &no):
		q.say("%s", no.Error())
		return exitRefused, nil
	case err != nil:
		explain(q.streams, err, &q.target)
		return ended(ctx, exitCode(err)), nil
	}
	return exitOK, nil
}

// canAsk is an error for a protocol in which nothing can be asked.
func (q *inquiry) canAsk() error {
	switch _, can := q.plug.(transport.Describer); {
	case can, q.plug == jsonrpc.Protocol{Version: jsonrpc.Version2}:
		return nil
	case q.isTRPC():
		return misused("-protocol=trpc: tRPC has no way to ask for a description; the functions are in the service's .proto file")
	case q.isThrift():
		return misused("-protocol=%s: Thrift has no way to ask for a description; the methods are in the service's .thrift file", q.protocol)
	}
	return misused("-protocol=%s: the protocol has no way to ask for a description", q.protocol)
}

// missing is the answer of a node that works, and does not have what was asked for.
type missing struct{ text string }

func (m *missing) Error() string { return m.text }

// each has f see every page of a node's description, of the methods with a prefix.
func (q *inquiry) each(ctx context.Context, prefix string, f func(transport.Description) error) error {
	pool, err := newPool(1, q.timeout)
	if err != nil {
		return err
	}
	defer pool.Close() //nolint:errcheck // it is always nil
	d, can := q.plug.(transport.Describer)
	if !can {
		return q.discover(ctx, pool, prefix, f)
	}
	ask := transport.NewClient(pool, q.node, q.plug, d.DescribeMethod(), transport.EncodeJSON,
		transport.DecodeJSON[transport.Description], q.options()...).Endpoint()
	r := transport.DescribeRequest{Prefix: prefix}
	for range maxPages {
		answer, err := ask(ctx, r)
		if err != nil {
			return err
		}
		page := answer.(transport.Description)
		if page.Version != transport.DescriptionVersion {
			return &missing{fmt.Sprintf("the node describes itself in version %d, and this command knows %d", page.Version, transport.DescriptionVersion)}
		}
		if err := f(page); err != nil || page.Next == "" {
			return err
		}
		if page.Next <= r.After {
			break
		}
		r.After = page.Next
	}
	return &missing{"the node's description has no end"}
}

// runList is muxcall list.
func runList(ctx context.Context, args []string, s streams) (int, error) {
	q := &inquiry{streams: s}
	return q.ask(ctx, args, "ADDRESS [PREFIX]", func(ctx context.Context, prefix string) error {
		return q.each(ctx, prefix, func(page transport.Description) error {
			var names strings.Builder
			for _, m := range page.Methods {
				names.WriteString(text.Shown(m.Name, maxText) + "\n")
			}
			if page.LeftOut > 0 {
				q.say("%d methods or services are not listed: their names are too long, or no text", page.LeftOut)
			}
			return q.write(names.String())
		})
	})
}

// runDescribe is muxcall describe.
func runDescribe(ctx context.Context, args []string, s streams) (int, error) {
	q := &inquiry{streams: s}
	return q.ask(ctx, args, "ADDRESS [METHOD]", func(ctx context.Context, method string) error {
		if method != "" {
			return q.describe(ctx, method)
		}
		first := true
		return q.each(ctx, "", func(page transport.Description) error {
			out := showMethods(page.Methods)
			if first {
				out = showNode(&page) + out
			}
			first = false
			return q.write(out)
		})
	})
}

// describe prints one method.
func (q *inquiry) describe(ctx context.Context, method string) error {
	var found *transport.MethodDescription
	var others []string
	err := q.each(ctx, "", func(page transport.Description) error {
		for _, m := range page.Methods {
			if m.Name == method {
				found = &m
			} else if len(others) < maxPages {
				others = append(others, m.Name)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if found == nil {
		return &missing{fmt.Sprintf("the node has no method %s%s", text.Quoted(method, maxName), nearest(method, others))}
	}
	return q.write(showMethod(found, &q.target))
}

// nearest names those methods that look most like one that is not there.
func nearest(method string, others []string) string {
	likeness := func(other string) (n int) {
		a, b := strings.ToLower(method), strings.ToLower(other)
		for n < min(len(a), len(b)) && a[n] == b[n] {
			n++
		}
		for end := 0; end < min(len(a), len(b))-n && a[len(a)-1-end] == b[len(b)-1-end]; end++ {
			n++
		}
		return n
	}
	slices.SortStableFunc(others, func(a, b string) int { return cmp.Compare(likeness(b), likeness(a)) })
	shown := make([]string, 0, 3)
	for _, other := range others[:min(len(others), cap(shown))] {
		if likeness(other) > len(method)/2 {
			shown = append(shown, text.Shown(other, maxName))
		}
	}
	if len(shown) == 0 {
		return ""
	}
	return "; it has " + strings.Join(shown, ", ")
}

// write writes to stdout.
func (s streams) write(text string) error {
	if _, err := s.out.Write([]byte(text)); err != nil {
		return &outputError{err}
	}
	return nil
}
