package admin

import (
	"context"
	"fmt"
	"io"
)

// Backup is [oplog.Log.Backup]. One that is cut is an error and cannot be
// resumed; whether what came is whole, only its check says.
func (r *Relay) Backup(ctx context.Context, w io.Writer) error {
	resp, err := r.do(ctx, &call{right: "admin", path: "/v1/admin/backup"})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}
