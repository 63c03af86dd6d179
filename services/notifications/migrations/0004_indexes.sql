-- Every index that a new row stands in is another page that its commit writes. These find as much
-- as those that they replace, with fewer rows in them, or fewer of them.
-- Letters and mails that are done are in no queue.
CREATE INDEX letters_due ON letters (next_at, id) {where next_at IS NOT NULL};
DROP INDEX letters_next_at {on letters};
CREATE INDEX mails_due ON mails (next_at, id) {where next_at IS NOT NULL};
DROP INDEX mails_next_at {on mails};
-- Most letters about an order have it as what they are about: letters_about finds them.
CREATE INDEX letters_order ON letters (order_id) {where about <> order_id};
DROP INDEX letters_order_id {on letters};
-- Where there is no mail server all mails are kept, and mails_created_at lists them.
CREATE INDEX mails_posted ON mails (state, created_at, id) {where state <> 'outbox'};
DROP INDEX mails_state {on mails};
-- The list of an account, and what was written for it since, from one index.
CREATE INDEX notifications_shown ON notifications (account, told_at, id, written_at);
DROP INDEX notifications_written_at {on notifications};
DROP INDEX notifications_account {on notifications};
