package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/baton-relay/baton/client/admin"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// restoredDoc is what became of a document of the backup.
type restoredDoc struct {
	Doc       oplog.DocID `json:"doc"`
	Ops       int         `json:"ops"`
	Sent      int         `json:"sent"`
	Snapshots int         `json:"snapshots,omitempty"`
	Replaced  bool        `json:"replaced,omitempty"`
	Error     string      `json:"error,omitempty"`
}

// intoRelay writes the documents of the backup into a running relay.
func (c *restoreCmd) intoRelay(t *tool) error {
	findings := 0
	if err := bolt.CheckFile(t.ctx, c.File, func(*oplog.CorruptionError) { findings++ }); err != nil {
		return err
	}
	if findings > 0 {
		return fmt.Errorf("%s is damaged (places: %d); baton-snapshot verify --log %s says where", c.File, findings, c.File)
	}
	from, err := bolt.OpenReadOnly(c.File, bolt.Options{})
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := admin.Open(t.URL, admin.Options{Token: t.Token})
	if err != nil {
		return err
	}
	defer to.Close()
	done := &restored{URL: withoutPassword(t.URL)}
	var failure error
	docs, err := documents(t.ctx, from, "")
	if err != nil {
		return err
	}
	for _, id := range docs {
		d, err := c.document(t, from, to, id)
		if err != nil {
			d.Error = err.Error()
			failure = errors.Join(failure, fmt.Errorf("restore %s: %w", id, err))
		}
		done.Documents = append(done.Documents, d)
		if t.ctx.Err() != nil {
			return t.ctx.Err()
		}
	}
	err = t.print(done, func(w io.Writer) error {
		for _, d := range done.Documents {
			fmt.Fprintln(w, d)
		}
		return nil
	})
	return errors.Join(err, failure)
}

func (d *restoredDoc) String() string {
	switch {
	case d.Error != "":
		return fmt.Sprintf("%s: FAILED: %s", d.Doc, d.Error)
	case d.Sent == 0 && !d.Replaced:
		return fmt.Sprintf("%s: the relay has its %s already", d.Doc, counted(d.Ops, "op"))
	}
	s := fmt.Sprintf("%s: %s of its %s sent", d.Doc, count(d.Sent), counted(d.Ops, "op"))
	if d.Replaced {
		s += ", in place of what was there"
	}
	return s
}

// document restores one document. What a relay has of it that is its beginning
// was brought by an attempt that was cut, or needs no restoring.
func (c *restoreCmd) document(t *tool, from store, to *admin.Relay, id oplog.DocID) (*restoredDoc, error) {
	state, err := from.State(t.ctx, id)
	d := &restoredDoc{Doc: id, Ops: int(state.Head)}
	if err != nil {
		return d, err
	}
	if state.First > 1 {
		return d, errors.New("ops of it are pruned, and a relay takes none whose actors' ops before are not there: stop the relay and restore the file (--log)")
	}
	is, err := to.State(t.ctx, id)
	if err == nil {
		same, err := t.begins(to, id, &is, from, &state)
		if err != nil {
			return d, err
		}
		if !same && !c.Replace {
			return d, errors.New("the relay has a document of that name with other ops: give --replace to delete it")
		}
		if !same {
			if err := to.Delete(t.ctx, id); err != nil {
				return d, err
			}
			d.Replaced = true
		}
	} else if !errors.Is(err, oplog.ErrNotFound) {
		return d, err
	}
	if err := c.sendOps(t, from, to, &state, d); err != nil {
		return d, err
	}
	return d, c.sendSnapshots(t, from, to, &state, d)
}

func (c *restoreCmd) sendOps(t *tool, from store, to *admin.Relay, state *oplog.State, d *restoredDoc) error {
	s := &sender{tool: t, to: to, doc: d.Doc, format: state.Format, bar: t.progress(int64(state.Head), string(d.Doc), unitOps)}
	defer func() { _ = s.bar.Clear() }()
	if err := s.find(); err != nil {
		return err
	}
	var failed error
	_, err := from.Read(t.ctx, d.Doc, state.Epoch, 0, func(e *oplog.Entry) bool {
		failed = s.add(owned(e))
		return failed == nil
	})
	if err := errors.Join(failed, err); err != nil {
		return err
	}
	err = s.flush()
	d.Sent = s.sent
	return err
}

// sendSnapshots stores those of the backup at the same offsets.
func (c *restoreCmd) sendSnapshots(t *tool, from store, to *admin.Relay, state *oplog.State, d *restoredDoc) error {
	var list []oplog.Snapshot
	for at := oplog.Offset(0); ; {
		s, err := from.Snapshot(t.ctx, d.Doc, at)
		if errors.Is(err, oplog.ErrNotFound) {
			break
		}
		if err != nil {
			return err
		}
		list = append(list, s)
		if at = s.Offset - 1; at == 0 {
			break
		}
	}
	if len(list) == 0 {
		return nil
	}
	now, err := to.State(t.ctx, d.Doc)
	if err != nil {
		return err
	}
	if now.Head != state.Head {
		t.remark("%s: its snapshots are left out, since the relay numbers its ops otherwise", d.Doc)
		return nil
	}
	for _, s := range slices.Backward(list) {
		data, err := from.SnapshotData(t.ctx, d.Doc, s.Offset)
		if err != nil {
			return err
		}
		if _, _, err := to.PutSnapshot(t.ctx, d.Doc, s.Offset, oplog.SnapshotInfo{Format: s.Format, By: s.By, Maker: s.Maker}, io.NewSectionReader(data, 0, s.Bytes)); err != nil {
			return err
		}
		d.Snapshots++
	}
	return nil
}
