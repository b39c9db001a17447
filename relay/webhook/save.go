package webhook

import (
	"cmp"
	"encoding/binary"
	"log/slog"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// saveDelay is how long notices gather before they are written, and saveRetry
// how long the file is left alone after it took none.
const (
	saveDelay = 100 * time.Millisecond
	saveRetry = 5 * time.Second
)

// unwritten is an item that the file has yet to hold, with its notice as it was
// at that moment; without one, the file must forget it.
type unwritten struct {
	seq    uint64
	item   *item
	notice *notice
}

// unwritten takes what the file has yet to hold. Queue.mu is held.
func (e *endpoint) unwritten() []unwritten {
	list := make([]unwritten, 0, len(e.unsaved))
	for seq, it := range e.unsaved {
		u := unwritten{seq: seq, item: it}
		if it != nil {
			it.saved = true
			u.notice = it.notice
		}
		list = append(list, u)
	}
	clear(e.unsaved)
	return list
}

// untake is for what could not be written. Queue.mu is held.
func (e *endpoint) untake(list []unwritten) {
	for _, u := range list {
		if _, newer := e.unsaved[u.seq]; !newer {
			e.unsaved[u.seq] = u.item
		}
	}
}

// save writes to the file what it does not hold yet; last is what Close does.
// What cannot be written stays in memory, is delivered from there, and is tried
// again. keep calls this, and Close when keep has ended.
func (q *Queue) save(last bool) {
	q.mu.Lock()
	complete := q.changes.since(time.Now(), q.opts.Every)
	batch := make([][]unwritten, len(q.endpoints))
	for i, e := range q.endpoints {
		batch[i] = e.unwritten()
	}
	q.saveAt = time.Time{}
	q.mu.Unlock()

	err := q.store.write(q.endpoints, batch, complete, last)

	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case err != nil && !q.store.failing:
		q.say(slog.LevelError, "webhooks.db takes no writes: notices are delivered from memory, and those not delivered are lost if this process ends", "err", err)
	case err == nil && q.store.failing:
		q.say(slog.LevelInfo, "webhooks.db takes writes again")
	}
	q.store.failing = err != nil
	if err != nil {
		for i, e := range q.endpoints {
			e.untake(batch[i])
		}
		q.saveAt = time.Now().Add(saveRetry)
	}
}

// write is one transaction.
func (s *store) write(endpoints []*endpoint, batch [][]unwritten, complete time.Time, last bool) error {
	return s.update(func(tx *bbolt.Tx) error {
		for i, e := range endpoints {
			if err := put(tx.Bucket(bucketEndpoints), e.url, batch[i]); err != nil {
				return err
			}
		}
		if last {
			return tx.Bucket(bucketMeta).Delete(keyComplete)
		}
		return tx.Bucket(bucketMeta).Put(keyComplete, moment(complete))
	})
}

// put writes what is new for one endpoint, in order: bbolt takes an unordered
// list in a time that grows with its square.
func put(all *bbolt.Bucket, url string, list []unwritten) error {
	b := all.Bucket([]byte(url))
	slices.SortFunc(list, func(a, b unwritten) int { return cmp.Compare(a.seq, b.seq) })
	held := b.Sequence()
	for _, u := range list {
		key := binary.BigEndian.AppendUint64(nil, u.seq)
		if b.Get(key) == nil {
			held++
		}
		if u.notice == nil {
			held--
			if err := b.Delete(key); err != nil {
				return err
			}
		} else if err := b.Put(key, u.notice.record(url, key)); err != nil {
			return err
		}
	}
	return b.SetSequence(held)
}
