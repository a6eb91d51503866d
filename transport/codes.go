package transport

import "github.com/muxkit/muxkit/muxpool/verdict"

// Code says what went wrong with a call, in words that hold for every protocol: see
// verdict.Code. docs/judgement.md says what follows from each.
type Code = verdict.Code

// The codes that travel: those that gRPC and Connect share, and two of muxkit's.
const (
	CodeCanceled           = verdict.CodeCanceled
	CodeUnknown            = verdict.CodeUnknown
	CodeInvalidArgument    = verdict.CodeInvalidArgument
	CodeDeadlineExceeded   = verdict.CodeDeadlineExceeded
	CodeNotFound           = verdict.CodeNotFound
	CodeAlreadyExists      = verdict.CodeAlreadyExists
	CodePermissionDenied   = verdict.CodePermissionDenied
	CodeResourceExhausted  = verdict.CodeResourceExhausted
	CodeFailedPrecondition = verdict.CodeFailedPrecondition
	CodeAborted            = verdict.CodeAborted
	CodeOutOfRange         = verdict.CodeOutOfRange
	CodeUnimplemented      = verdict.CodeUnimplemented
	CodeInternal           = verdict.CodeInternal
	CodeUnavailable        = verdict.CodeUnavailable
	CodeDataLoss           = verdict.CodeDataLoss
	CodeUnauthenticated    = verdict.CodeUnauthenticated
	CodeBusiness           = verdict.CodeBusiness
	CodeTooLarge           = verdict.CodeTooLarge
)

// The codes that are a client's own and never travel.
const (
	CodeEncode      = verdict.CodeEncode
	CodeConnection  = verdict.CodeConnection // the cause is a *muxpool.Error
	CodeBadResponse = verdict.CodeBadResponse
	CodeInvalid     = verdict.CodeInvalid
)

// The names that four of the codes had before v0.1.0.
const (
	// Deprecated: CodeUnimplemented.
	CodeUnknownMethod = CodeUnimplemented
	// Deprecated: CodeInvalidArgument.
	CodeBadRequest = CodeInvalidArgument
	// Deprecated: CodeResourceExhausted.
	CodeOverloaded = CodeResourceExhausted
	// Deprecated: CodeDeadlineExceeded.
	CodeTimeout = CodeDeadlineExceeded
)
