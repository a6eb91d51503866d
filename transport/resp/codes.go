package resp

import (
	"strings"

	"github.com/muxkit/muxkit/transport"
)

// meaning is what an error's first word says.
type meaning struct {
	code   transport.Code
	notRun bool // the server says so before it runs anything
}

// meanings are Redis's own words. What is missing here is a script's or a module's.
var meanings = map[string]meaning{
	"ERR":          {transport.CodeInvalidArgument, false},
	"WRONGTYPE":    {transport.CodeFailedPrecondition, false},
	"SYNTAX":       {transport.CodeInvalidArgument, true},
	"CROSSSLOT":    {transport.CodeInvalidArgument, true},
	"NOPROTO":      {transport.CodeUnimplemented, true},
	"NOAUTH":       {transport.CodeUnauthenticated, true},
	"WRONGPASS":    {transport.CodeUnauthenticated, true},
	"NOPERM":       {transport.CodePermissionDenied, true},
	"DENIED":       {transport.CodePermissionDenied, true},
	"MOVED":        {transport.CodeFailedPrecondition, true},
	"ASK":          {transport.CodeFailedPrecondition, true},
	"LOADING":      {transport.CodeUnavailable, true},
	"BUSY":         {transport.CodeUnavailable, true},
	"READONLY":     {transport.CodeUnavailable, true},
	"MASTERDOWN":   {transport.CodeUnavailable, true},
	"CLUSTERDOWN":  {transport.CodeUnavailable, true},
	"TRYAGAIN":     {transport.CodeUnavailable, true},
	"NOREPLICAS":   {transport.CodeUnavailable, true},
	"MISCONF":      {transport.CodeUnavailable, true},
	"OOM":          {transport.CodeResourceExhausted, true},
	"NOSCRIPT":     {transport.CodeNotFound, true},
	"NOGROUP":      {transport.CodeNotFound, false},
	"BUSYGROUP":    {transport.CodeAlreadyExists, false},
	"BUSYKEY":      {transport.CodeAlreadyExists, false},
	"EXECABORT":    {transport.CodeAborted, true},
	"INPROG":       {transport.CodeFailedPrecondition, true},
	"NOTBUSY":      {transport.CodeFailedPrecondition, true},
	"UNKILLABLE":   {transport.CodeFailedPrecondition, true},
	"NOREPLICA":    {transport.CodeUnavailable, true},
	"NOGOODSLAVE":  {transport.CodeUnavailable, true},
	"UNBLOCKED":    {transport.CodeAborted, false},
	"IOERR":        {transport.CodeInternal, false},
	"INTERNALERR":  {transport.CodeInternal, false},
	"FUNCTIONLOAD": {transport.CodeInvalidArgument, true},
}

// texts are errors whose first word is ERR, and which mean more than that.
var texts = []struct {
	begins string
	meaning
}{
	{"ERR unknown command", meaning{transport.CodeUnimplemented, true}},
	{"ERR unknown subcommand", meaning{transport.CodeUnimplemented, true}},
	{"ERR wrong number of arguments", meaning{transport.CodeInvalidArgument, true}},
	{"ERR max number of clients reached", meaning{transport.CodeResourceExhausted, true}},
	{"ERR Protocol error", meaning{transport.CodeInternal, true}},
	{"ERR AUTH", meaning{transport.CodeUnauthenticated, true}},
	{"ERR invalid password", meaning{transport.CodeUnauthenticated, true}},
}

// failure is the error that an error reply stands for.
func failure(text string) *transport.Error {
	word, _, _ := strings.Cut(text, " ")
	m, ok := meanings[word]
	if !ok {
		m = meaning{transport.CodeBusiness, false}
	}
	if word == "ERR" {
		for _, t := range texts {
			if strings.HasPrefix(text, t.begins) {
				m = t.meaning
			}
		}
	}
	return &transport.Error{Code: m.code, Message: text, NotRun: m.notRun}
}
