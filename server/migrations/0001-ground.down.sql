drop table organization_provider_ids;
drop table organizations;
drop table workspaces;
drop function purser_protect(regclass);
drop function purser_grant(text, text, text);
drop function purser_workspaces();
drop function purser_has_role(text);
