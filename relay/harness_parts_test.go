package relay

import (
	"context"
	"io"
	"net"
	"sync"

	"github.com/baton-relay/baton/oplog"
)

// pipes is a listener whose connections are pipes.
type pipes struct {
	incoming chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func newPipes() *pipes { return &pipes{incoming: make(chan net.Conn), closed: make(chan struct{})} }

func (l *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.incoming <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements [net.Listener].
func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *pipes) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements [net.Listener].
func (l *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// gatedLog is a log whose appends wait at a gate.
type gatedLog struct {
	oplog.Log
	arrived chan struct{} // gets one value an append that has come to the gate
	gate    chan struct{} // closed to let them through
}

func (l *gatedLog) around(log oplog.Log) { l.Log = log }

// Append implements [oplog.Log].
func (l *gatedLog) Append(ctx context.Context, a oplog.Append) (oplog.Epoch, error) {
	l.arrived <- struct{}{}
	<-l.gate
	return l.Log.Append(ctx, a)
}

// open opens the gate, once.
func (l *gatedLog) open() {
	select {
	case <-l.gate:
	default:
		close(l.gate)
	}
}

// faultyLog is a log that fails while err is set, and has something happen at
// the worst moment where a hook is set.
type faultyLog struct {
	oplog.Log
	err          error
	beforeRead   func()
	afterDeleted func()
}

func (l *faultyLog) around(log oplog.Log) { l.Log = log }

// Append implements [oplog.Log].
func (l *faultyLog) Append(ctx context.Context, a oplog.Append) (oplog.Epoch, error) {
	if l.err != nil {
		return "", l.err
	}
	return l.Log.Append(ctx, a)
}

// Read implements [oplog.Log].
func (l *faultyLog) Read(ctx context.Context, doc oplog.DocID, epoch oplog.Epoch, after oplog.Offset, visit func(*oplog.Entry) bool) (oplog.Span, error) {
	if l.err != nil {
		return oplog.Span{}, l.err
	}
	if l.beforeRead != nil {
		l.beforeRead()
	}
	return l.Log.Read(ctx, doc, epoch, after, visit)
}

// Delete implements [oplog.Log].
func (l *faultyLog) Delete(ctx context.Context, doc oplog.DocID) error {
	err := l.Log.Delete(ctx, doc)
	if l.afterDeleted != nil {
		l.afterDeleted()
	}
	return err
}

// PutSnapshot implements [oplog.Log].
func (l *faultyLog) PutSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset, info oplog.SnapshotInfo, r io.Reader) (oplog.Snapshot, bool, error) {
	if l.err != nil {
		return oplog.Snapshot{}, false, l.err
	}
	return l.Log.PutSnapshot(ctx, doc, at, info, r)
}

// Health implements [oplog.Log].
func (l *faultyLog) Health() error { return l.err }

// Backup implements [oplog.Log].
func (l *faultyLog) Backup(ctx context.Context, w io.Writer) error {
	if l.err != nil {
		return l.err
	}
	return l.Log.Backup(ctx, w)
}
