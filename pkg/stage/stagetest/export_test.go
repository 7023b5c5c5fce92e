package stagetest

import "time"

// Hasty makes a kit give up on an attempt that hangs sooner than in earnest.
func (k *Kit) Hasty(patience time.Duration) { k.patience = patience }
