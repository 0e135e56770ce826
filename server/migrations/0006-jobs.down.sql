drop function purser_jobs_retry(uuid);
drop function purser_jobs_dead();
drop function purser_job_queues();
drop table job_runs;
drop table job_schedules;
