-- safe online
-- Files of an intake's spool that were once safe and cannot be read any more: kept on its disk, counted here, told by health and Today.
alter table inbox_nodes add column damaged integer not null default 0;
