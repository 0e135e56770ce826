alter table inbox_nodes drop column damaged;
