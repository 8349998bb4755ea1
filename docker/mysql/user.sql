-- All that binleaf needs: reading, following the binlog, and seeing prepared XA transactions. No RELOAD, no LOCK TABLES,
-- no write.
CREATE USER 'binleaf'@'%' IDENTIFIED BY 'change me';
GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT, XA_RECOVER_ADMIN ON *.* TO 'binleaf'@'%';
