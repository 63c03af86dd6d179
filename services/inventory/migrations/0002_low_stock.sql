-- At how many pieces that can be ordered staff is told; null: the store's default.
ALTER TABLE stock ADD COLUMN low_stock_at {int};
