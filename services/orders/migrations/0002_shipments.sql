-- The parcels of an order, as its lines: read and written with it. Null: none yet.
ALTER TABLE orders ADD COLUMN shipments {text};
-- The method that it was placed with; null for orders of the first release.
ALTER TABLE orders ADD COLUMN placed_with {key};
-- When the money was ours: an order that is paid on delivery never becomes `paid`. Null for
-- orders of the first release, whose steps say it.
ALTER TABLE orders ADD COLUMN paid_at {int};
-- The number of the receipt, as payments gave it.
ALTER TABLE orders ADD COLUMN receipt {int};
-- The account that the shopper was told to transfer to.
ALTER TABLE orders ADD COLUMN bank_account {text};
-- When the order will end by itself once `next_payment` is its payment.
ALTER TABLE orders ADD COLUMN next_expires_at {int};
-- Whether its payment is being closed: until that is decided nothing may be sent.
ALTER TABLE orders ADD COLUMN closing {bool};
