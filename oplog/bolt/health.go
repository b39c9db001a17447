package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/baton-relay/baton/oplog"
)

// health is whether a log takes writes. There are two ways in which it does not:
//
//   - The disk took no more bytes: nothing happened to what is there, and a
//     later commit may succeed. After each failure the log refuses writes for a
//     while, since undoing a commit costs bbolt a walk through the whole file.
//   - Anything else, a failed sync above all: what is on the disk is not known
//     any more, and trying again might report success for pages that the kernel
//     dropped. It is final; only opening the file again can tell.
type health struct {
	log *slog.Logger

	mu sync.Mutex
	// guarded by mu
	failure error     // of the last commit, nil if it succeeded
	final   bool      // nothing will be written any more
	until   time.Time // when the next attempt may be made
}

const (
	// backoff is the least time between attempts to write, and backoffFactor how
	// many times as long as a failed attempt took.
	backoff       = time.Second
	backoffFactor = 10
)

// refusal returns why nothing may be written now, or nil.
func (h *health) refusal() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.final || time.Now().Before(h.until) {
		return h.unavailable()
	}
	return nil
}

// finalFailure returns why nothing will be written any more, or nil.
func (h *health) finalFailure() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.final {
		return h.unavailable()
	}
	return nil
}

// err is refusal for a person who asks.
func (h *health) err() error { return h.refusal() }

// unavailable is the failure as callers get it. h.mu is held.
func (h *health) unavailable() error {
	if h.final {
		return fmt.Errorf("%w until it is opened again, since it is not known what the disk holds: %w", oplog.ErrUnavailable, h.failure)
	}
	return fmt.Errorf("%w for a moment, since the disk took none: %w", oplog.ErrUnavailable, h.failure)
}

// fail notes a failure that changed nothing, of an attempt that took so long,
// and returns what the callers get.
func (h *health) fail(err error, took time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil {
		h.log.Error("the log takes no writes for now; reads go on", logError, err)
	}
	h.failure = err
	h.until = time.Now().Add(max(backoff, backoffFactor*took))
	return h.unavailable()
}

// failFinally notes a failure after which nothing may be written, and returns
// what the callers get.
func (h *health) failFinally(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log.Error("the log takes no writes until it is opened again; reads go on", logError, err)
	h.failure, h.final = err, true
	return h.unavailable()
}

// recovered notes a commit that succeeded.
func (h *health) recovered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure != nil {
		h.log.Info("the log takes writes again")
	}
	h.failure, h.until = nil, time.Time{}
}

// recoverable reports whether a failed commit wrote nothing that counts because
// there was no room for it. A sync never fails recoverably, whatever its error:
// bbolt returns that of fdatasync bare, and that of a write as a *fs.PathError.
func recoverable(err error) bool {
	// bbolt wraps the error of a truncate, which comes before all writes, as text.
	if strings.HasPrefix(err.Error(), "file resize error") {
		return true
	}
	path, ok := errors.AsType[*fs.PathError](err)
	if !ok || path.Op != "write" {
		return false
	}
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(path.Err, full) {
			return true
		}
	}
	return false
}

// The keys of what is logged.
const (
	logError    = "error"
	logDocument = "document"
	logBlob     = "blob"
	logVersion  = "version"
)
